package metadata

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
)

// replayed is what a journal held when it was opened.
type replayed struct {
	ops     []op // in order of revision, each once
	damaged int64
	notes   []string // one line about each damaged file
}

// openJournal takes a directory for this process, creating it, and reads what
// earlier ones left. It writes nothing: the first append begins a new file.
func openJournal(above durable.FS, dir string, now func() int64) (*journal, replayed, error) {
	if err := durable.MkdirAll(above, dir, 0o750); err != nil {
		return nil, replayed{}, fmt.Errorf("journal: %w", err)
	}
	unlock, err := system.LockPath(filepath.Join(dir, "lock"))
	if errors.Is(err, filesystem.ErrLocked) {
		return nil, replayed{}, fmt.Errorf("journal %s: %w; stop that one, or ask it through its API", dir, ErrJournalTaken)
	}
	if err != nil {
		return nil, replayed{}, fmt.Errorf("journal: %w", err)
	}
	j, got, err := readJournal(directory(dir), now)
	if err != nil {
		return nil, got, errors.Join(err, unlock())
	}
	j.unlock = unlock
	return j, got, nil
}

// readJournal makes a journal of what a disk holds of one.
func readJournal(on medium, now func() int64) (*journal, replayed, error) {
	j := &journal{disk: on, now: now, deliver: func([]op) {}}
	j.done.L = &j.mu
	_, _ = rand.Read(j.id[:]) // never fails
	got, err := j.replay()
	j.written = j.lastRev
	return j, got, err
}

func (j *journal) replay() (got replayed, err error) {
	names, err := j.disk.List()
	if err != nil {
		return got, fmt.Errorf("journal: %w", err)
	}
	slices.Sort(names) // names are revisions of one width: this is the order of age
	for _, name := range names {
		if !strings.HasSuffix(name, journalSuffix) {
			continue
		}
		if err := j.readFile(name, &got); err != nil {
			return got, err
		}
	}
	// A record may be in two files: its first write failed half-way.
	slices.SortStableFunc(got.ops, func(a, b op) int { return compareInt(a.rev, b.rev) })
	got.ops = slices.CompactFunc(got.ops, func(a, b op) bool { return a.rev == b.rev })
	return got, nil
}

func (j *journal) readFile(name string, got *replayed) error {
	b, err := j.disk.Read(name)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	f := journalFile{name: name, size: int64(len(b))}
	head := min(len(b), journalHead)
	damaged := 0
	if id, base, ok := parseHeader(b); ok {
		j.id, f.last = id, base-1
	} else {
		// Its records speak for themselves; the header may have been cut short.
		damaged += head
		if next := bytes.Index(b, recordMarker); next >= 0 {
			head, damaged = next, next
		}
	}
	damaged += scanRecords(b[head:], func(o op) {
		got.ops = append(got.ops, o)
		f.last = max(f.last, o.rev)
	})
	if damaged > 0 {
		got.damaged += int64(damaged)
		got.notes = append(got.notes, fmt.Sprintf("%s: %d of %d bytes are not whole records", name, damaged, len(b)))
	}
	j.lastRev = max(j.lastRev, f.last)
	j.files = append(j.files, f)
	return nil
}

func parseHeader(b []byte) (id [16]byte, base int64, ok bool) {
	if len(b) < journalHead || string(b[:8]) != journalMagic ||
		crc32.Checksum(b[:32], castagnoli) != binary.LittleEndian.Uint32(b[32:]) {
		return id, 0, false
	}
	base = int64(binary.LittleEndian.Uint64(b[24:]))
	return [16]byte(b[8:24]), base, base > 0
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
