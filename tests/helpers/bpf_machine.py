"""Classic BPF as documented (linux/Documentation/networking/filter.rst)."""

import struct


class Machine:
    """Run a program on a frame. A load beyond the frame ends it with 0, as in Linux."""

    def __init__(self, program):
        self.program = program

    def accepts(self, frame):
        a = x = at = 0
        memory = [None] * 16
        while True:
            code, true, false, k = self.program[at]
            at += 1
            if code in (0x40, 0x48, 0x50):
                size = {0x40: ">I", 0x48: ">H", 0x50: ">B"}[code]
                try:
                    (a,) = struct.unpack_from(size, frame, x + k)
                except struct.error:
                    return False
            elif code in (0x15, 0x45):
                at += true if (a == k if code == 0x15 else a & k) else false
            elif code == 0x06:
                return k > 0
            elif code == 0x05:
                at += k
            elif code == 0x02:
                memory[k] = a
            elif code == 0x07:
                x = a
            else:
                a = self.computed(code, a, x, k, memory) & 0xFFFFFFFF

    @staticmethod
    def computed(code, a, x, k, memory):
        return {
            0x00: k,
            0x04: a + k,
            0x0C: a + x,
            0x54: a & k,
            0x60: memory[k] if code == 0x60 else 0,
            0x64: a << k if code == 0x64 else 0,
            0x87: x,
        }[code]
