#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A load balancer: one address, several backends in turn, each with its own software and certificate. For this lab only.

No box of an attacker: it makes the honest look-alikes, of one address that offers STARTTLS now and then, has two keys, or
answers some clients worse than others. Connection 1 goes to the first --backend, 2 to the second, and so on.
"""
import intercept


def main():
    options = intercept.parser(__doc__)
    options.add_argument("--backend", action="append", required=True, metavar="IP[,PORT]",
                         help="repeatable; without a port the one that the client asked for")
    arguments = options.parse_args()

    def handle(connection):
        address, _, port = arguments.backend[(connection.number - 1) % len(arguments.backend)].partition(",")
        server = connection.connect((address, int(port or connection.server_address[1])))
        intercept.log(f"connection {connection.number}: {address}")
        intercept.pump_both(connection.client, server)

    intercept.serve(arguments, handle)


if __name__ == "__main__":
    main()
