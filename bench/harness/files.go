package harness

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// WritePlots writes plots to a directory, which it makes; to none for an empty name.
func WritePlots(dir string, plots map[string]Plot) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(plots)) {
		if err := Save(filepath.Join(dir, name+".svg"), plots[name].Write); err != nil {
			return err
		}
	}
	return nil
}

// Save makes or replaces a file with the output of write.
func Save(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	err = write(file)
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}
