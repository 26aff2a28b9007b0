"""Roots of their own, in which a test installs what it likes."""

import os
import subprocess

import pytest


def require_mounts():
    """Skips where they cannot be had."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    probe = subprocess.run(["unshare", "-mpf", "--mount-proc", "mount", "-t",
                            "tmpfs", "none", "/mnt"], capture_output=True,
                           text=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"may not mount here: {probe.stderr.strip()}")
