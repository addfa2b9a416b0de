"""What a person is told of a server that does not start, or does not end."""

from __future__ import annotations

from pathlib import Path

from zhitong.exceptions import EmbeddedError
from zhitong.types import Label

_TAIL_LINES = 12
_ADVICE = {
    "No space left on device": Label(
        "磁盘已满：请腾出空间后再启动", "the disk is full: free some space, start again"
    ),
    "incompatible with server": Label(
        "数据属于另一个 PostgreSQL 版本：请执行 make clean-demo 重建",
        "the data is of another PostgreSQL version: make clean-demo, then start anew",
    ),
    "wrong ownership": Label(
        "数据目录属于其他用户：请以该用户或 root 运行",
        "the data folder belongs to another user: run as that user or as root",
    ),
    "could not look up effective user": Label(
        "当前用户不在 /etc/passwd 中：请添加，或换一个用户运行",
        "the user has no line in /etc/passwd: add one, or run as another user",
    ),
    "pre-existing shared memory block": Label(
        "被强制结束的服务器仍有查询在运行：请稍后再启动",
        "a query of the killed server still runs: start again in a while",
    ),
    "UnsupportedClassVersionError": Label(
        "Java 版本过低：请安装 Java 17 或更高版本，或执行 make setup",
        "this Java is too old: install Java 17 or newer, or run make setup",
    ),
    "Failed to acquire lock on file": Label(
        "另一个进程正在使用该数据目录：请先停止它",
        "another process uses the data folder: stop that first",
    ),
    "Address already in use": Label(
        "端口被占用：请再启动一次", "the port was taken: start again"
    ),
}
_OTHERWISE = Label(
    "请查看日志；若数据可以丢弃，执行 make clean-demo 后重新启动",
    "read the log; if the data may go, run make clean-demo and start anew",
)


def failure(name: str, log: Path, tail: str) -> EmbeddedError:
    """Say that *name* did not start, what its log says last, and what to do."""
    advice = advise(tail)
    return EmbeddedError(
        f"{name} 无法启动：{advice.zh}（日志：{log}）\n{tail}\n",
        f"{name} did not start: {advice.en} (log: {log})",
    )


def last_lines(text: str) -> str:
    """Keep what a person reads of a long log: its end."""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])


def advise(tail: str) -> Label:
    """Say what to do about the last lines of a log."""
    for sign, advice in _ADVICE.items():
        if sign in tail:
            return advice
    return _OTHERWISE


def tail(log: Path, begin: int) -> str:
    """Give the last lines that *log* has got after its byte *begin*."""
    with log.open("rb") as file:
        file.seek(begin)
        return last_lines(file.read().decode(errors="replace"))


def unfinished(name: str, log: Path, seconds: float) -> EmbeddedError:
    """Say that *name* is still starting after *seconds*."""
    return EmbeddedError(
        f"{name}: {seconds:.0f} 秒后仍在启动（可能在恢复数据），"
        f"请稍后再启动一次，日志：{log}",
        f"{name}: still starting after {seconds:.0f} s (recovering, perhaps): "
        f"start again in a while; log: {log}",
    )


def stuck(name: str, pid: int) -> EmbeddedError:
    """Say that *name* does not end, not even when it is killed."""
    return EmbeddedError(
        f"{name}: 进程 {pid} 无法结束，请查看磁盘是否卡住",
        f"{name}: process {pid} does not end; is the disk stuck?",
    )
