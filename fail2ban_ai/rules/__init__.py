"""Rules: recurring findings become fail2ban filters that an admin can trust.

findings + lines ─> clusters ─> align ─> render ─> prove ─> suggestion folder ─> review ─> install ─> retire
"""
