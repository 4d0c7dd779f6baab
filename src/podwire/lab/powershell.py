"""`powershell.exe` of an emulated Windows node, as far as podwire asks it: which networks HNS has.

    powershell.exe ... -Command "Get-HnsNetwork | ... | ConvertTo-Json -Compress"

Sources: Get-HnsNetwork's Name, Type, Subnets.AddressPrefix and Subnets.Policies.VSID as people show them (flannel issue
1944, Calico issue 6996); ConvertTo-Json writes one object without a list around it. Nothing else is imitated. The node
puts its networks before PowerShell's own arguments. Standard library only.
"""

import json
import sys


def main(networks: str, arguments: "list[str]") -> int:
    asked = arguments[-1] if arguments[-2:-1] == ["-Command"] else ""
    if not (asked.startswith("Get-HnsNetwork ") and asked.endswith("ConvertTo-Json -Compress")):
        print(f"powershell.exe: the lab has no such command: {asked or ' '.join(arguments)}", file=sys.stderr)
        return 1
    found = json.loads(networks)
    print(json.dumps(found[0] if len(found) == 1 else found, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
