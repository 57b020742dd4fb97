"""ACME accounts whose key is in a token, for programs that use python3-acme.

The account's private key is with Keybroker: this module has every request
signed by the broker's API, which signs what its policy allows this program.

    from acme import client, messages
    import keybroker_acme

    account = keybroker_acme.Account("/run/keybroker/api.sock", "main")
    net = keybroker_acme.Network(account)
    acme = client.ClientV2(
        client.ClientV2.get_directory(account.directory, net), net)
    order = acme.new_order(csr_pem)

Challenges are answered with net.key, as with any other key: it is the public
half, which is all that a key authorization needs.
"""

import http.client
import json
import socket
from urllib.parse import quote

import josepy
from acme import client, messages

TIMEOUT = 30  # seconds; the broker may have to ask the CA what a URL is


class BrokerError(Exception):
    """A refusal: the broker's problem document (RFC 9457)."""

    def __init__(self, problem):
        super().__init__(problem.get("detail") or problem.get("title"))
        self.problem = problem


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Account:
    """An account of the broker's configuration.

    jwk is its public key, uri its URL at the CA, directory that of the CA.
    """

    def __init__(self, socket_path, name):
        self._socket = socket_path
        self._path = "/v1/accounts/" + quote(name, safe="")
        facts = self._ask("GET", self._path)
        if facts.get("state") != "valid":
            raise BrokerError({"detail": "account %s is not registered (%s)"
                               % (name, facts.get("state"))})
        self.jwk = josepy.JWK.from_json(facts["jwk"])
        self.uri = facts["url"]
        self.directory = facts["directory"]

    def _ask(self, method, path, body=None):
        connection = _Connection(self._socket)
        try:
            connection.request(
                method, path, None if body is None else json.dumps(body),
                {} if body is None else {"Content-Type": "application/json"})
            reply = connection.getresponse()
            answer = json.loads(reply.read())
        finally:
            connection.close()
        if reply.status >= 400:
            raise BrokerError(answer)
        return answer

    def sign(self, url, nonce, payload=None):
        """A flattened JWS (RFC 7515) as a dictionary.

        payload is what json.dumps() takes; None is a POST-as-GET.
        """
        body = {"url": url, "nonce": nonce}
        if payload is not None:
            body["payload"] = payload
        return self._ask("POST", self._path + "/jws", body)


class Network(client.ClientNetwork):
    """What acme.client.ClientV2 talks through."""

    def __init__(self, account, **arguments):
        super().__init__(
            account.jwk,
            account=messages.RegistrationResource(
                uri=account.uri, body=messages.Registration()),
            **arguments)
        self._broker = account

    def _wrap_in_jws(self, obj, nonce, url):
        payload = None if obj is None else json.loads(obj.json_dumps())
        return json.dumps(self._broker.sign(
            url, josepy.encode_b64jose(nonce), payload))
