package server

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// journalDir is where in the record path a recorder keeps what the database does not
// have yet.
const journalDir = ".spool-journal"

// CatalogueOptions returns what every command opens the catalogue of a record directory
// with. Log and Tasks are left to the caller.
func CatalogueOptions(cfg *configs.Config, dir string, clock pipeline.Clock) (metadata.OpenOptions, error) {
	o := metadata.OpenOptions{
		Driver: cfg.Database.Driver, DSN: cfg.Database.DSN.Reveal(),
		JournalDir: filepath.Join(dir, journalDir), Clock: clock,
	}
	return o, setNode(&o, cfg, dir)
}

// setNode says whose the rows are that a catalogue makes: of the configured name, or
// of the record directory, whatever the machine is called. Rows of names that
// it may have had before are still its own where the file proves it: see
// metadata.OpenOptions.
func setNode(o *metadata.OpenOptions, cfg *configs.Config, dir string) error {
	o.Node = cfg.Node.Name
	id, err := disk.Identity(dir, o.Node == "")
	if err != nil && o.Node == "" {
		return fmt.Errorf("mp4.record_path: this recorder's name is kept there, and node.name is not set: %w", err)
	}
	if o.Node == "" {
		o.Node = id
	}
	o.Directory = identityOf(dir, id)
	place := metadata.PlaceOf(dir)
	o.Place = &place
	host, _ := os.Hostname() // the name that earlier versions took
	for _, name := range []string{host, id} {
		if name != "" && name != o.Node {
			o.Former = append(o.Former, name)
		}
	}
	return nil
}

// identityOf gives a directory's identity as soon as it has one; id where that is
// known.
func identityOf(dir, id string) func() string {
	var known atomic.Pointer[string]
	if id != "" {
		known.Store(&id)
	}
	return func() string {
		if id := known.Load(); id != nil {
			return *id
		}
		id, err := disk.Identity(dir, false)
		if err == nil && id != "" {
			known.Store(&id)
		}
		return id
	}
}
