"""The command line: one file a command. It prints and exits; nothing else in streamclf does."""
