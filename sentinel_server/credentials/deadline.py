"""The session policy by which AWS itself refuses a session that must end before STS would let it."""

from __future__ import annotations

import json
from datetime import datetime

from sentinel_server.clock import whole_seconds


def deadline_policy(not_after: datetime) -> str:
    """An inline session policy that allows everything the role may do, until `not_after` (floored).

    A session policy only ever narrows, so `Allow *` grants nothing. It does not reach what needs no
    permission, such as `sts:GetCallerIdentity`.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
    """
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"DateGreaterThan": {"aws:CurrentTime": whole_seconds(not_after)}},
            },
        ],
    }
    return json.dumps(document, separators=(",", ":"))
