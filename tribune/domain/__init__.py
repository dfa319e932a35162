"""Pure rules: no I/O, no clock, no settings. A newcomer reads here first."""
