"""Logs as they grow: `fail2ban-ai watch`.

    files, journal ─> reader (a thread) ─> lanes ─> pipeline ─> decisions log
      tail, journal     bounded queues     batches   worker   └─> store: positions, event history, findings

What was read is remembered together with the events themselves in one transaction, so that a watcher killed at any
moment goes on with the next line. A decision is on disk before the position behind it is.
"""
