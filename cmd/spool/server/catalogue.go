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

// journalDir is the directory of the catalogue's journal below the record directory.
const journalDir = ".spool-journal"

// CatalogueOptions returns the options with which each command of spool opens the catalogue of the
// record directory dir. The caller adds Log and Tasks. It returns an error if the recorder has no
// configured name and the directory's identity, which then names it, cannot be read or written.
func CatalogueOptions(cfg *configs.Config, dir string, clock pipeline.Clock) (metadata.OpenOptions, error) {
	o := metadata.OpenOptions{
		Driver: cfg.Database.Driver, DSN: cfg.Database.DSN.Reveal(),
		JournalDir: filepath.Join(dir, journalDir), Clock: clock,
	}
	return o, setNode(&o, cfg, dir)
}

// setNode sets the node name that the catalogue stores with each row: the setting node.name, or
// without it the identity of the record directory. It does not depend on the host name. In o.Former it
// lists the names that this recorder may have had before; the catalogue gives the rows with such a
// name the present name if their files are in this directory.
func setNode(o *metadata.OpenOptions, cfg *configs.Config, dir string) error {
	o.Node = cfg.Node.Name
	id, err := disk.Identity(dir, o.Node == "")
	if err != nil && o.Node == "" {
		return fmt.Errorf("mp4.record_path: node.name is not set, and the identity kept in this directory, which names the recorder, cannot be read or written: %w", err)
	}
	if o.Node == "" {
		o.Node = id
	}
	o.Directory = identityOf(dir, id)
	place := metadata.PlaceOf(dir)
	o.Place = &place
	host, _ := os.Hostname() // earlier versions used the host name
	for _, name := range []string{host, id} {
		if name != "" && name != o.Node {
			o.Former = append(o.Former, name)
		}
	}
	return nil
}

// identityOf returns a function that returns the identity of the record directory dir, or "" while the
// directory has none. The function reads the directory until it finds an identity, and then keeps it.
// id is the identity if the caller knows it, else "".
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
