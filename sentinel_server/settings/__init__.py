"""What the product is told: flags, then `SENTINEL_*` variables, then `config.yaml`, then defaults. Read
once.
"""
