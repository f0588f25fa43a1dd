"""The comparison's own side: standard library only, so that it runs before anything is installed."""
