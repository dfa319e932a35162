"""Mails to one person that never wait behind mailings: asked for, sent, brought back by time."""
