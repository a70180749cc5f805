"""fail2ban itself: its client, the AI jails, what it did and what it would have done."""
