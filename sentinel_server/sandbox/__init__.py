"""An embedded AWS, as strict as the real one where it matters, for demos and tests.

`aws.EmbeddedAws` is moto behind a front. The front does what moto leaves out: it verifies signatures, tokens
and expiries, checks STS parameters against botocore's model, evaluates trust, identity and session policies
on every call, and can misbehave on demand. What it cannot judge it refuses to (`SandboxCannotTell`) instead
of guessing. It does not know resource policies (of buckets, keys, topics), permissions boundaries, service
control policies, managed session policies, federation by SAML or OIDC, presigned URLs and other accounts.
"""
