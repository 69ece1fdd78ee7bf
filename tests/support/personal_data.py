"""One value of each kind, as people write it."""

PERSONAL_DATA = {
    "email": "ada.lovelace+x@mail.example-shop.co.uk",
    "credit_card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "us_ssn": "536-22-8765",
    "phone": "+44 20 7946 0958",
    "ip_address": "192.168.17.4",
    "mac_address": "00:1B:44:11:3A:B7",
    "national_id": "756.9217.0769.85",
    "crypto_address": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
}
SECRETS = {
    "anthropic_key": "sk-" + "ant-" + "api03-Ab3dEf9h" * 3,
    "url_credentials": "postgres://admin:s3cretPa55@db.internal:5432/",
    "private_key": "-----BEGIN EC PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabcd+/=\n-----END EC PRIVATE KEY-----",
    "secret": "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8",
}
