"""Manual pages and shell completion, made from the commands themselves when a package is built.

python -m fail2ban_ai.manual /usr/share writes man/man8/fail2ban-ai*.8 and a completion for bash, zsh and fish, each
where Debian's shells look for it.
"""
