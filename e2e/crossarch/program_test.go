package crossarch

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"testing"
)

// checkProgram checks that a program needs no library and no loader, and nothing that its processor does not have.
func checkProgram(t *testing.T, path, arch string, withC bool) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	want := map[string]elf.Machine{"arm64": elf.EM_AARCH64, "armv6": elf.EM_ARM}[arch]
	if f.Machine != want {
		t.Errorf("made for %v, want %v", f.Machine, want)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("not static: it has a segment %v", p.Type)
		}
	}
	if f.Section(".symtab") != nil {
		t.Error("not stripped")
	}
	if !withC || f.Machine != elf.EM_ARM {
		return
	}
	attributes, err := f.Section(".ARM.attributes").Data()
	if err != nil {
		t.Fatal(err)
	}
	got, err := cpuArch(attributes)
	if want := map[string]uint64{"armv6": cpuArchV6}[arch]; err != nil || got != want {
		t.Errorf("some of its C code is for architecture %d (%v), want %d", got, err, want)
	}
}

// Attributes and values of "Addenda to, and Errata in, the ABI for the Arm Architecture", build attributes.
const (
	tagCPURawName, tagCPUName, tagCPUArch = 4, 5, 6

	cpuArchV6 = 6
)

var errNoCPUArch = errors.New("no Tag_CPU_arch in .ARM.attributes")

// cpuArch returns Tag_CPU_arch, which the linker sets to the newest of what it has linked.
func cpuArch(section []byte) (uint64, error) {
	// 'A', then the length of the vendor's part, its name, the tag of the whole file and its length.
	_, attributes, ok := bytes.Cut(section, []byte("aeabi\x00\x01"))
	if !ok || len(attributes) < 4 {
		return 0, errNoCPUArch
	}
	attributes = attributes[4:]
	for len(attributes) > 0 {
		tag, n := binary.Uvarint(attributes)
		if n <= 0 {
			break
		}
		attributes = attributes[n:]
		if tag == tagCPURawName || tag == tagCPUName {
			_, attributes, _ = bytes.Cut(attributes, []byte{0})
			continue
		}
		value, n := binary.Uvarint(attributes)
		if n <= 0 || tag > tagCPUArch { // they are in order
			break
		}
		if tag == tagCPUArch {
			return value, nil
		}
		attributes = attributes[n:]
	}
	return 0, errNoCPUArch
}
