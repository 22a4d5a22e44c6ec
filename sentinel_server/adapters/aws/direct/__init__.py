"""A client of our own for the few operations that every door asks for: opened at once, nothing imported.

What it signs, sends and reads is checked against botocore's own signer, serializers and parsers by the tests.
Whatever is unusual about an endpoint (a proxy, FIPS, dual stack) is left to aioboto3.
"""
