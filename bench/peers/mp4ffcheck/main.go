// Command mp4ffcheck checks MP4 files, given as arguments, with mp4ff: it decodes each top-level box, encodes it again,
// and fails unless the bytes are the same. It also requires that mp4ff decodes the file as a whole.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/Eyevinn/mp4ff/mp4"
)

func main() {
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
	}
}

func check(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if _, err := mp4.DecodeFile(bytes.NewReader(b)); err != nil {
		return fmt.Errorf("as a whole: %w", err)
	}
	in := bytes.NewReader(b)
	for at := uint64(0); at < uint64(len(b)); {
		box, err := mp4.DecodeBox(at, in)
		if errors.Is(err, io.EOF) || box == nil && err == nil {
			return fmt.Errorf("nothing at offset %d of %d", at, len(b))
		}
		if err != nil {
			return fmt.Errorf("decode at offset %d: %w", at, err)
		}
		if _, unknown := box.(*mp4.UnknownBox); unknown {
			return fmt.Errorf("at offset %d a box %s that mp4ff does not know", at, box.Type())
		}
		if err := same(box, b[at:]); err != nil {
			return fmt.Errorf("box %s at offset %d: %w", box.Type(), at, err)
		}
		at += box.Size()
	}
	return nil
}

// same encodes a box again. It returns an error unless b, the file from the first byte of the box on, begins with
// the same bytes.
func same(box mp4.Box, b []byte) error {
	var again bytes.Buffer
	if err := box.Encode(&again); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	got := again.Bytes()
	if bytes.HasPrefix(b, got) {
		return nil
	}
	at := 0
	for at < min(len(b), len(got)) && b[at] == got[at] {
		at++
	}
	return fmt.Errorf("encoded again it differs from byte %d on", at)
}
