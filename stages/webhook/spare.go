package webhook

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A full disk is when notices matter most. So the outbox keeps some files with room
// of their own, made once it is used, and a notice that there is no room for is
// written into one of them, which then gets its name.
const (
	spareSuffix = ".spare"
	spareFiles  = 32
	spareBytes  = 4096 // what most notices fit into
)

// takeSpare writes a notice into a spare file. The caller holds b.storing.
func (b *Outbox) takeSpare(path string, text []byte) error {
	if len(b.spares) == 0 || len(text) > spareBytes {
		return errors.New("no spare room for it")
	}
	from := filepath.Join(b.spareDir(), b.spares[len(b.spares)-1])
	b.spares = b.spares[:len(b.spares)-1]
	f, err := os.OpenFile(from, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(text, 0); err == nil {
		err = f.Truncate(int64(len(text)))
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(from, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(from))
	}
	return b.syncDir()
}

// keepSpares makes what is missing of the spare files. The caller holds b.storing.
func (b *Outbox) keepSpares() {
	if err := os.MkdirAll(b.spareDir(), 0o700); err != nil {
		return
	}
	for len(b.spares) < spareFiles {
		b.spared++
		name := fmt.Sprintf("%08d%s", b.spared, spareSuffix)
		if err := makeSpare(filepath.Join(b.spareDir(), name)); err != nil {
			return // the next notice tries again
		}
		b.spares = append(b.spares, name)
	}
}

func makeSpare(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, spareBytes)) // what is written is there on any file system, and it is no more than a block
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// spareDir is beside the outbox, whose files are all notices.
func (b *Outbox) spareDir() string { return b.dir + "-spare" }

// findSpares takes over the spare files of an earlier process.
func (b *Outbox) findSpares() {
	entries, _ := os.ReadDir(b.spareDir())
	for _, e := range entries {
		n := 0
		if _, err := fmt.Sscanf(e.Name(), "%d"+spareSuffix, &n); err == nil {
			b.spared = max(b.spared, n)
			b.spares = append(b.spares, e.Name())
		}
	}
}

func noRoom(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
