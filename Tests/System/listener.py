#!/usr/bin/env python3
"""What stands for systemd in tests.

    listener.py notify SOCKET        prints each datagram that comes to SOCKET, its lines with commas between them
    listener.py pass NAME=WHERE... -- COMMAND...
        starts COMMAND with listening sockets: a port of 127.0.0.1 (0 for any), or a path. The ports go to
        standard error first, NAME=PORT each.
"""
import os
import socket
import sys


def notify(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(path)
        print("bound", flush=True)
        while True:
            print(ear.recv(65536).decode().replace("\n", ","), flush=True)


def pass_on(arguments):
    split = arguments.index("--")
    names, sockets = [], []
    for argument in arguments[:split]:
        name, where = argument.split("=", 1)
        if where.isdigit():
            one = socket.create_server(("127.0.0.1", int(where)))
            print(f"{name}={one.getsockname()[1]}", file=sys.stderr, flush=True)
        else:
            one = socket.socket(socket.AF_UNIX)
            one.bind(where)
            one.listen()
        names.append(name)
        sockets.append(one)
    # Out of the way first: a socket may have the number of another's place.
    copies = [os.dup(one.fileno()) for one in sockets]
    high = [os.dup2(copy, 100 + index, inheritable=False) for index, copy in enumerate(copies)]
    for index, number in enumerate(high):
        os.dup2(number, 3 + index, inheritable=True)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names))
    os.execvp(arguments[split + 1], arguments[split + 1:])


if sys.argv[1] == "notify":
    notify(sys.argv[2])
pass_on(sys.argv[2:])
