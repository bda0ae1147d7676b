"""What figures depend on besides the code: the machine, its Python, the versions of what is compared."""

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

DISTRIBUTIONS = ("rproxy-remote", "paramiko", "numpy", "rpyc", "execnet", "mitogen", "Pyro5")


def facts() -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])} {platform.machine()}",
        "load": os.getloadavg()[0],
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "ssh": _ssh(),
        "versions": {name: version for name in DISTRIBUTIONS if (version := _version(name))},
    }


def line(told: dict[str, Any]) -> str:
    """The facts that a reader looks for first."""
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    return (
        f"{told['date']}, {told['python']}, {told['cores']} cores of {told['processor']}, {told['system']}, "
        f"load {told['load']:.1f}; {told['ssh']}; {versions}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [text.partition(":")[2].strip() for text in lines if text.startswith("model name")]
    return named[0] if named else platform.machine()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _ssh() -> str:
    try:
        return subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr.strip()
    except OSError:
        return "no ssh"
