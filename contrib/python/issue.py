#!/usr/bin/python3
"""A certificate by python3-acme, with the account's key in Keybroker's token.

The certificate's own key is made here, and stays in a file.
"""

import argparse
import os
import threading

from acme import challenges, client, crypto_util, standalone
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import keybroker_acme


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", default="/run/keybroker/api.sock")
    parser.add_argument("--account", required=True)
    parser.add_argument("--name", required=True, action="append")
    parser.add_argument("--address", default="127.0.0.1:80",
                        help="where http-01 is answered")
    parser.add_argument("--trust", help="anchors of the CA's own web server")
    parser.add_argument("--out", default=".", help="folder for key and chain")
    return parser.parse_args()


def write(path, content):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
              "wb") as file:
        file.write(content)


def answer(acme, net, order, address):
    """Answers every open authorization; returns the server to be stopped."""
    resources = set()
    chosen = []
    for authorization in order.authorizations:
        for challenge in authorization.body.challenges:
            if isinstance(challenge.chall, challenges.HTTP01):
                response, validation = challenge.response_and_validation(
                    net.key)
                chosen.append((challenge, response))
                resources.add(
                    standalone.HTTP01RequestHandler.HTTP01Resource(
                        chall=challenge.chall, response=response,
                        validation=validation))
    host, port = address.rsplit(":", 1)
    server = standalone.HTTP01Server((host, int(port)), resources)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for challenge, response in chosen:
        acme.answer_challenge(challenge, response)
    return server


def main():
    options = arguments()
    account = keybroker_acme.Account(options.socket, options.account)
    net = keybroker_acme.Network(account,
                                 verify_ssl=options.trust or True)
    acme = client.ClientV2(
        client.ClientV2.get_directory(account.directory, net), net)
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption())
    order = acme.new_order(crypto_util.make_csr(key, options.name))
    server = answer(acme, net, order, options.address)
    try:
        order = acme.poll_and_finalize(order)
    finally:
        server.shutdown()
    write(os.path.join(options.out, "key.pem"), key)
    write(os.path.join(options.out, "fullchain.pem"),
          order.fullchain_pem.encode())
    print("issued for", ", ".join(options.name))


if __name__ == "__main__":
    main()
