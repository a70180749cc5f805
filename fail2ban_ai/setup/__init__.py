"""Sets fail2ban-ai up on a host and takes it away again.

look.py      what is there: jails, logs, proxies in front, GPU
settings.py  the commented configuration
record.py    what setup wrote, so that removal leaves nothing
account.py   the watcher's system user
units.py     systemd units and their drop-ins
host.py      all of it, in order
"""
