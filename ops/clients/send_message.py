#!/usr/bin/env python3
"""Sends one message over mutual TLS, as the Message Broker manual describes.

    python send_message.py --sender "+1234567890" --message "Hello" --cert client.crt --key client.key

Needs Python 3.8 or later and `pip install requests`. Exit code 0: accepted; 1: refused or not reached; 2: wrong arguments.
"""
import argparse
import os
import sys

import requests


def main() -> int:
    parser = argparse.ArgumentParser(description="Send one message over mutual TLS.")
    parser.add_argument("--sender", required=True, help="sender number in E.164 form, such as +1234567890")
    parser.add_argument("--message", required=True, help="text, 1 to 1000 characters")
    parser.add_argument("--cert", required=True, help="client certificate (client.crt)")
    parser.add_argument("--key", required=True, help="private key (client.key)")
    parser.add_argument("--ca", help="CA certificate; default: ca.crt beside the certificate")
    parser.add_argument("--url", default="https://localhost:8001/api/v1/messages")
    parser.add_argument("--idempotency-key", help="the same key sends the same message only once")
    args = parser.parse_args()
    ca = args.ca or os.path.join(os.path.dirname(os.path.abspath(args.cert)), "ca.crt")
    for path in (args.cert, args.key, ca):
        if not os.path.isfile(path):
            print(f"Error: {path} is not there", file=sys.stderr)
            return 2
    headers = {"Idempotency-Key": args.idempotency_key} if args.idempotency_key else {}
    try:
        response = requests.post(
            args.url,
            json={"sender_number": args.sender, "message_body": args.message},
            cert=(args.cert, args.key),
            verify=ca,
            headers=headers,
            timeout=30,
        )
    except requests.exceptions.RequestException as error:
        print(f"Error: the server was not reached: {error}", file=sys.stderr)
        return 1
    if response.status_code == 200:
        print(f"Message sent! ID: {response.json()['message_id']}")
        return 0
    print(f"Error: {response.status_code}", file=sys.stderr)
    print(response.text, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
