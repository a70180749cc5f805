"""The root side: decisions carried out through fail2ban. Standard library only; a test holds that."""
