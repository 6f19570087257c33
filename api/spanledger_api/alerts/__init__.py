"""Alerts: what is watched, what was noticed, and whom that is sent to.

Watches look at the ledger and write what they notice into it, once each; an outbox sends what was written, one worker
for each channel. All of them are plain steps, repeated in the background, and each may be killed at any moment.
"""
