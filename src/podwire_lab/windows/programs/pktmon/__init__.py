"""`pktmon` of an emulated Windows node: the subset of the command line that captures, with real packets behind it.

    pktmon filter list | pktmon filter remove
    pktmon filter add [NAME] [-i IP[/BITS] [IP]] [-t TCP|UDP|ICMP|ICMPv6|N] [-p PORT [PORT]] [-e [PORT]]
    pktmon list [--all] [--json] | pktmon comp list | pktmon status | pktmon counters [--json] | pktmon stop
    pktmon start --capture [--comp all|nics|ID...] [--pkt-size N] [--file-name F.etl] [--file-size MB]
    pktmon etl2pcap F.etl [--out F.pcapng] [--component-id N] [--drop-only]    (also spelled `pktmon pcapng`)

Source: Microsoft, "Pktmon command formatting" and the references of the commands. There is one session for the whole
host; the default packet size is 128 bytes; a packet is recorded at every component that it passes; a packet is reported
when all conditions of at least one filter hold, whichever side is source or destination; with `-e` also when they hold
for what is inside VXLAN (to that port, else 4789).

Three things differ from the real one. The log file is not ETL (`log_file`). Old packets are never overwritten: what
comes after `--file-size` counts as lost. The layout of `counters --json` is this tool's own.

The folder is started as a program (`python -I -S FOLDER`) many times, so it imports the standard library only.
"""
