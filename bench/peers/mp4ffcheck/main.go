// Command mp4ffcheck reads an MP4 file with mp4ff, every box of it, writes it
// again from what was understood, and wants the same bytes.
package main

import (
	"bytes"
	"fmt"
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
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	f.FragEncMode = mp4.EncModeBoxTree // as it is, nothing made better
	var again bytes.Buffer
	if err := f.Encode(&again); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if bytes.Equal(b, again.Bytes()) {
		return nil
	}
	at := 0
	for at < min(len(b), again.Len()) && b[at] == again.Bytes()[at] {
		at++
	}
	return fmt.Errorf("encoded again it differs: %d bytes instead of %d, first at offset %d", again.Len(), len(b), at)
}
