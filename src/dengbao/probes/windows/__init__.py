"""Probe of kind windows: reads what `collect-windows.ps1` wrote on a Windows host; nothing is contacted."""
