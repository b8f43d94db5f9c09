package webhook

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gospool/spool/pipeline/durable"
)

// An operator needs notices most when the disk is full. So the outbox keeps some files with space
// allocated. When the disk is full, the outbox writes a notice into one of these files, and renames
// the file.
const (
	spareSuffix = ".spare"
	spareFiles  = 32
	spareBytes  = 4096 // enough for most notices
)

// takeSpare writes a notice into a spare file (see spareFiles), and renames that file to path. It
// returns an error if no spare file is left, if the notice is longer than spareBytes, or if the
// disk fails. The caller holds b.storing.
func (b *Outbox) takeSpare(path string, text []byte) error {
	if len(b.spares) == 0 || len(text) > spareBytes {
		return errors.New("no spare room for it")
	}
	from := filepath.Join(b.spareDir(), b.spares[len(b.spares)-1])
	b.spares = b.spares[:len(b.spares)-1]
	f, err := b.disk.Open(from)
	if err != nil {
		return err
	}
	return durable.Publish(b.disk, f, from, path, text)
}

// keepSpares creates spare files until b.wanted of them exist or the disk fails. The caller holds
// b.storing.
func (b *Outbox) keepSpares() {
	if err := durable.MkdirAll(b.disk, b.spareDir(), 0o700); err != nil {
		return
	}
	for len(b.spares) < b.wanted {
		b.spared++
		name := fmt.Sprintf("%08d%s", b.spared, spareSuffix)
		if err := b.makeSpare(filepath.Join(b.spareDir(), name)); err != nil {
			return // the next notice tries again
		}
		b.spares = append(b.spares, name)
	}
}

func (b *Outbox) makeSpare(path string) error {
	f, err := b.disk.Create(path, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(f.Allocate(spareBytes), f.Close()); err != nil {
		return errors.Join(err, b.disk.Remove(path))
	}
	return nil
}

// spareDir returns the directory of the spare files. The outbox's own directory holds only notices.
func (b *Outbox) spareDir() string { return b.dir + "-spare" }

// findSpares adds the spare files that an earlier process left in spareDir to b.spares.
func (b *Outbox) findSpares() {
	entries, _ := b.disk.List(b.spareDir())
	for _, e := range entries {
		n := 0
		if _, err := fmt.Sscanf(e.Name(), "%d"+spareSuffix, &n); err == nil {
			b.spared = max(b.spared, n)
			b.spares = append(b.spares, e.Name())
		}
	}
}
