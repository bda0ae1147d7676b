"""An SSH server that asks questions, run as a program: sshd without PAM has no keyboard-interactive.

It is made of paramiko's own ServerInterface, so it proves our side of the conversation and not OpenSSH's. Words:
its host key's file, then JSON of what it asks: a list of rounds, each a title, instructions, and a list of
[prompt, whether it is echoed, the right answer]; and the ways that it takes, in order. It prints its port.
It runs commands by /bin/sh, but for those with the words "refuse this", and ends with its standard input.
"""

import json
import os
import socket
import subprocess
import sys
import threading

import paramiko


class Questioner(paramiko.ServerInterface):
    """Lets in whoever goes through all steps; the password is "pw"."""

    def __init__(self, rounds, steps):
        self.rounds, self.steps = rounds, list(steps)
        self.asked = 0

    def get_allowed_auths(self, username):
        return self.steps[0] if self.steps else "none"

    def taken(self, step):
        if not self.steps or self.steps[0] != step:
            return paramiko.AUTH_FAILED
        self.steps.pop(0)
        return paramiko.AUTH_PARTIALLY_SUCCESSFUL if self.steps else paramiko.AUTH_SUCCESSFUL

    def check_auth_publickey(self, username, key):
        return self.taken("publickey")

    def check_auth_password(self, username, password):
        return self.taken("password") if password == "pw" else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username, submethods):
        self.asked = 0
        return self.ask()

    def ask(self):
        if self.asked == len(self.rounds):
            return self.taken("keyboard-interactive")
        title, instructions, prompts = self.rounds[self.asked]
        self.asked += 1
        return paramiko.InteractiveQuery(title, instructions, *[(text, echo) for text, echo, _ in prompts])

    def check_auth_interactive_response(self, responses):
        right = [answer for _, _, answer in self.rounds[self.asked - 1][2]]
        return self.ask() if list(responses) == right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        if b"refuse this" in command:
            return False
        threading.Thread(target=run, args=(channel, command), daemon=True).start()
        return True


def run(channel, command):
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, stdin=subprocess.DEVNULL)
    channel.sendall(done.stdout)
    channel.sendall_stderr(done.stderr)
    channel.send_exit_status(done.returncode)
    channel.close()


def serve(key, listener, rounds, steps):
    while True:
        transport = paramiko.Transport(listener.accept()[0])
        transport.add_server_key(key)
        transport.start_server(event=threading.Event(), server=Questioner(rounds, steps))


def main():
    key = paramiko.Ed25519Key.from_private_key_file(sys.argv[1])
    rounds, steps = json.loads(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=serve, args=(key, listener, rounds, steps), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
