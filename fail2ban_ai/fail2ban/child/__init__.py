"""The child process that runs fail2ban's own code, in the system's Python: standard library and fail2ban only.

`code.Child` starts it, `main` is its front door. One JSON object a line comes in on stdin, one goes out on stdout.
Log lines are only ever matched: nothing they say is imported, resolved, run or unpickled.
"""
