"""One secret of each kind, made up when asked for: no secret stands in the repository, not even a false one."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable

Carrier = Callable[[str, str], str]

# How a value may stand behind its name, wherever text comes from.
CARRIERS: dict[str, Carrier] = {
    "plain": lambda name, value: f"could not log in: {name}={value} was refused",
    "with a colon": lambda name, value: f"config {name}: {value}",
    "query string": lambda name, value: f"GET /v1/jobs?limit=5&{name}={value}&page=2 failed",
    "JSON": lambda name, value: json.dumps({"user": "etl", name: value, "limit": 5}),
    "JSON in a string": lambda name, value: json.dumps({"body": json.dumps({name: value, "limit": 5})}),
    "JSON in a string in a string": lambda name, value: json.dumps([json.dumps(json.dumps({name: value}))]),
    "repr of a dict": lambda name, value: (
        f"TypeError: bad arguments { ({'user': 'etl', name: value, 'n': 5})!r}"
    ),
    "repr of bytes": lambda name, value: repr(f"{name}={value}\nnext".encode()),
    "traceback": lambda name, value: (
        'Traceback (most recent call last):\n  File "/opt/airflow/dags/load.py", line 7, in load\n'
        f'    connect(host="db", {name}="{value}")\nConnectionError: refused'
    ),
    "YAML": lambda name, value: f"host: db\n{name}: {value}\nport: 5432\n",
    "YAML block": lambda name, value: f"host: db\n{name}: |\n  {value}\nport: 5432\n",
    "XML element": lambda name, value: f'<c><host>db</host><{name} type="text">{value}</{name}></c>',
    "XML attribute": lambda name, value: f'<connection host="db" {name}="{value}"/>',
    "XML key and value": lambda name, value: f'<add key="{name}" value="{value}"/>',
    "Hadoop XML": lambda name, value: f"<property><name>a.{name}</name>\n<value>{value}</value></property>",
    "escaped HTML": lambda name, value: f"&quot;{name}&quot;:&quot;{value}&quot;",
    "environment": lambda name, value: f"HOME=/root\nMY_{name.upper()}={value}\nPATH=/bin",
    "Kubernetes environment": lambda name, value: (
        f"[{ ({'name': name.upper(), 'value': value, 'value_from': None})!r}]"
    ),
    "argument": lambda name, value: f"spark-submit --master yarn --{name} {value} job.py",
    "list of arguments": lambda name, value: f"Command {['run', f'--{name}', value, 'x']!r} returned 1",
    "Java properties": lambda name, value: f"{{user=etl, db.{name}={value}, host=db}}",
    "item of a dict": lambda name, value: f"os.environ['{name}'] = '{value}'",
}
NAMES = ("password", "client_secret", "api_key", "access-token", "AccountKey", "db.passwd", "sharedAccessKey")


def planted(marker: str) -> dict[str, tuple[str, str]]:
    """For each kind of secret a text that holds one made of `marker`, and what must not be found afterwards.

    `marker` is letters and digits; the same marker gives the same secrets.
    """
    kinds = {**_connections(f"Pw{marker}9x"), **_headers(f"cr3d{marker}"), **_tokens(marker), **_keys(marker)}
    value = f"s3cr{marker}X"
    for number, (carrier, put) in enumerate(CARRIERS.items()):
        kinds[f"named: {carrier}"] = (put(NAMES[number % len(NAMES)], value), value)
    kinds["e-mail"] = (f"no such user {marker}@example.com here", f"{marker}@example.com")
    return kinds


def _connections(value: str) -> dict[str, tuple[str, str]]:
    texts = {
        "URL": f"could not connect to postgresql://etl:{value}@db.internal:5432/sales",
        "URL with an unescaped @": f"postgresql://etl:p@{value}@db.internal:5432/sales",
        "URL with a slash": f"postgresql://etl:a/{value}@db.internal:5432/sales",
        "URL without a user": f"redis://:{value}@cache:6379/0",
        "token in a URL": f"git clone https://{value}0123456789abcdefgh@git.internal/etl.git",
        "JDBC": f"jdbc:sqlserver://h:1433;databaseName=x;user=sa;password={value};encrypt=true",
        "JDBC query": f"jdbc:postgresql://h/x?user=etl&password={value}&ssl=true",
        "JDBC Oracle": f"jdbc:oracle:thin:etl/{value}@//ora.internal:1521/x",
        "ODBC": f"Driver={{ODBC Driver 18}};Server=h;UID=etl;PWD={value};Encrypt=yes",
        "ODBC in braces": f"Driver=x;UID=etl;PWD={{{value};more}};Encrypt=yes",
        "service bus": f"Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey={value}=;EntityPath=q",
        "SAS": f"https://lake.blob.core.windows.net/c/f?sv=2024-11-04&se=2026&sp=r&sig={value}%2Bab%3D",
        "signed URL": f"https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Signature={value}&x=1",
        "function URL": f"https://f.azurewebsites.net/api/x?code={value}==",
        "SQL": f"CREATE USER etl IDENTIFIED BY '{value}'",
        "SQL password": f"ALTER ROLE etl WITH PASSWORD '{value}'",
        "curl": f"curl -sS -u etl:{value} https://h/x",
        "Spark option": f"fs.azure.account.key.lake.dfs.core.windows.net={value}",
        "Spark OAuth option": f"spark.fs.azure.account.oauth2.client.secret.lake.dfs.core.windows.net {value}",
    }
    return {kind: (text, value) for kind, text in texts.items()}


def _headers(value: str) -> dict[str, tuple[str, str]]:
    basic = base64.b64encode(f"etl:{value}".encode()).decode()
    texts = {
        "bearer": (f"> GET /x\n> Authorization: Bearer {value}.ab-c\n> Host: h", value),
        "bearer in prose": (f"sent bearer {value}abc to the server", value),
        "basic": (f"Authorization: Basic {basic}", basic),
        "basic in a dict": (repr({"Authorization": f"Basic {basic}", "Accept": "*/*"}), basic),
        "digest": (f'Authorization: Digest username="etl", response="{value}"\nHost: h', value),
        "token": (f"Authorization: Token {value}", value),
        "shared key": (f"Authorization: SharedKey lake:{value}=", value),
        "AWS signature": (f"Authorization: AWS4-HMAC-SHA256 Credential=AK/2026/s3, Signature={value}", value),
        "proxy": (f"Proxy-Authorization: Basic {basic}", basic),
        "curl header": (f"curl -H 'Authorization: Token {value}' -H 'Accept: */*'", value),
        "cookie": (f'Cookie: theme="dark"; session={value}\nHost: h', value),
        "set-cookie": (f"Set-Cookie: session={value}; HttpOnly", value),
        "API key header": (f"X-Api-Key: {value}\nHost: h", value),
        "subscription key": (f"Ocp-Apim-Subscription-Key: {value}", value),
        "Vault header": (f"X-Vault-Token: {value}", value),
    }
    return {f"header: {kind}": text for kind, text in texts.items()}


def _tokens(marker: str) -> dict[str, tuple[str, str]]:
    low = hashlib.sha256(marker.encode()).hexdigest()
    up, mixed = low.upper(), "".join(c.upper() if i % 3 else c for i, c in enumerate(low * 3))
    payload = base64.urlsafe_b64encode(json.dumps({"sub": marker}).encode()).decode().rstrip("=")
    shapes = {
        "AWS key id": "AK" + "IA" + up[:16],
        "AWS temporary key id": "AS" + "IA" + up[:16],
        "Azure client secret": "aB1" + "8Q" + "~" + mixed[:34],
        "Azure storage key": mixed[:86] + "==",
        "Databricks": "da" + "pi" + low[:32],
        "Databricks numbered": "da" + "pi" + low[:32] + "-2",
        "GitHub": "gh" + "p_" + mixed[:36],
        "GitHub fine-grained": "github" + "_pat_" + mixed[:22] + "_" + mixed[:59],
        "GitLab": "gl" + "pat-" + mixed[:20],
        "Google": "AI" + "za" + mixed[:35],
        "Hugging Face": "h" + "f_" + mixed[:34],
        "JWT": f"ey{'J'}hbGciOiJIUzI1NiJ9.{payload}.{mixed[:43]}",
        "Jira": "ATA" + "TT3x" + mixed[:120],
        "Mailchimp": low[:32] + "-" + "us12",
        "npm": "np" + "m_" + mixed[:36],
        "OpenAI": "s" + "k-" + mixed[:20] + "T3Blbk" + "FJ" + mixed[:20],
        "OpenAI project": "s" + "k-proj-" + mixed[:100],
        "Anthropic": "s" + "k-ant-api03-" + mixed[:93],
        "PyPI": "py" + "pi-AgEIcHlwaS5vcmc" + mixed[:80],
        "SendGrid": "S" + "G." + mixed[:22] + "." + mixed[:43],
        "Slack": "xo" + "xb-123456789012-" + low[:24],
        "Slack webhook": "https://hooks.slack" + f".com/services/T0{up[:9]}/B0{up[:9]}/{mixed[:24]}",
        "Slack app": "xa" + "pp-1-A0-" + mixed[:40],
        "Square": "sq0" + "csp-" + mixed[:43],
        "Stripe": "s" + "k_live_" + mixed[:24],
        "Telegram": "123456789" + ":AA" + mixed[:33],
        "Twilio": "S" + "K" + low[:32],
        "Vault": "hv" + "s." + mixed[:24],
    }
    found = {
        f"token: {kind}": (f"the server said: {shape} is not valid", shape) for kind, shape in shapes.items()
    }
    glued = "da" + "pi" + low[:32]
    return {**found, "token: after an escaped line end": (json.dumps(f"using\n{glued}\nfailed"), glued)}


def _keys(marker: str) -> dict[str, tuple[str, str]]:
    body = base64.b64encode((marker * 40).encode()).decode()
    lines = [body[at : at + 64] for at in range(0, 192, 64)]
    begin, end = "-----BEGIN RSA " + "PRIVATE KEY-----", "-----END RSA " + "PRIVATE KEY-----"
    pem = "\n".join([begin, *lines, end])
    putty = "\n".join(["PuTTY-User-Key-" + "File-2: ssh-rsa", "Private-" + "Lines: 3", *lines])
    return {
        "private key": (f"ValueError: cannot read\n{pem}\nas a key", lines[1]),
        "private key in JSON": (json.dumps({"type": "service_account", "key": pem, "n": 1}), lines[1]),
        "private key cut off": (f"cannot read {begin}\n{lines[0]}\n{lines[1]}", lines[1]),
        "encrypted private key": (pem.replace(lines[0], f"Proc-Type: 4,ENCRYPTED\n\n{lines[0]}"), lines[1]),
        "PuTTY key": (putty, lines[1]),
    }
