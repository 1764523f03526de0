// CertificateSamples.swift
//
// Two certificates that sign themselves, with their keys. They protect nothing.

enum CertificateSamples {
    static let first = (
        """
        -----BEGIN CERTIFICATE-----
        MIIBiDCCAS2gAwIBAgIUTeE1PhDrqo3uwlfCpF5gIMWk2QMwCgYIKoZIzj0EAwIw
        GDEWMBQGA1UEAwwNZmlyc3QuZXhhbXBsZTAgFw0yNjExMjMxNjU4MTJaGA8yMTI2
        MTAzMDE2NTgxMlowGDEWMBQGA1UEAwwNZmlyc3QuZXhhbXBsZTBZMBMGByqGSM49
        AgEGCCqGSM49AwEHA0IABMU3FQcDIJMuNP8G6Z1nKTSG6oK9LyijHp4B2Cxi4JWc
        fVTS+17bMmzR4uLrOjflm/eZAEMYc835k/7kByf+UhGjUzBRMB0GA1UdDgQWBBTs
        NzgkCrrOXyew3E0nRU71lx6syzAfBgNVHSMEGDAWgBTsNzgkCrrOXyew3E0nRU71
        lx6syzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDvOYhnuBp0
        nTZrDpZC4q37MY1kooYL+aa1ZahbgQ32mQIhAIJMBPZjAuPHZ1Dt13Jq2pnWHg6e
        AcUQ+BpbL4ybZcC9
        -----END CERTIFICATE-----
        """,
        """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghWsBOu1NchIb2SJr
        ntGcYGh+ivJnqo7PUX5KEGRJsYWhRANCAATFNxUHAyCTLjT/BumdZyk0huqCvS8o
        ox6eAdgsYuCVnH1U0vte2zJs0eLi6zo35Zv3mQBDGHPN+ZP+5Acn/lIR
        -----END PRIVATE KEY-----
        """
    )

    static let second = (
        """
        -----BEGIN CERTIFICATE-----
        MIIBiTCCAS+gAwIBAgIUTJ3XQ6nb5bk/6HP9K4Sao2tfFEgwCgYIKoZIzj0EAwIw
        GTEXMBUGA1UEAwwOc2Vjb25kLmV4YW1wbGUwIBcNMjYxMTIzMTY1ODEyWhgPMjEy
        NjEwMzAxNjU4MTJaMBkxFzAVBgNVBAMMDnNlY29uZC5leGFtcGxlMFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAE9boXP0Wf2XGrgfeMH9LDiU0K6jTqsDaKrxVz/POn
        AR1GOTQeqAXQGO7u5Tp1FjekMzYFRumXTU7BN9D5Gsp2b6NTMFEwHQYDVR0OBBYE
        FHS+Xlm5ZGsRTfNcDs/mY1H2lG5JMB8GA1UdIwQYMBaAFHS+Xlm5ZGsRTfNcDs/m
        Y1H2lG5JMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAOpaFPtt
        /sHWBbkOl81IQFGuDlqo4WgDAz9VuAfflSTIAiBnXYrXw/vtdSHL+bMNJvjME/yD
        PbjuidmA6RXg8YJiCQ==
        -----END CERTIFICATE-----
        """,
        """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgE2eBPqaws3BkMrfH
        BE++bA1u4g3MYeb6eesHp0oQwWChRANCAAT1uhc/RZ/ZcauB94wf0sOJTQrqNOqw
        NoqvFXP886cBHUY5NB6oBdAY7u7lOnUWN6QzNgVG6ZdNTsE30PkaynZv
        -----END PRIVATE KEY-----
        """
    )
}
