package declared

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/durable"
)

// keptFile holds the pipelines that were made by API, as a configuration has
// them under pipelines. It is in the record directory, which is what a recorder
// keeps across a restart.
func keptFile(recordPath string) string { return filepath.Join(recordPath, ".spool-pipelines.yaml") }

// readKept reads what was made by API; a file that is not there is nothing, and one that
// another user can have written is filesystem.ErrNotOurs.
func readKept(disk durable.FS, file string) (map[string]*config.Node, error) {
	own := map[string]*config.Node{}
	text, err := disk.ReadOurs(file)
	if errors.Is(err, fs.ErrNotExist) {
		return own, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := config.Parse(file, text)
	if err != nil {
		return nil, err
	}
	if !n.IsMap && !n.Empty() {
		return nil, errors.New("it is no map of pipelines")
	}
	for _, e := range n.Entries {
		own[e.Key] = e.Value
	}
	return own, nil
}

const keptHead = "# Pipelines that were made by API. Change them there: PUT /mp4/pipelines/NAME.\n"

// writeKept replaces the file as a whole. A declaration may hold a secret, so nobody
// else may read it.
func writeKept(disk durable.FS, file string, own map[string]*config.Node) error {
	root := &config.Node{IsMap: true}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		root.Entries = append(root.Entries, config.Entry{Key: name, Value: own[name]})
	}
	text := append([]byte(keptHead), root.YAML(config.Style{})...)
	if _, err := config.Parse(file, text); err != nil { // the next start would refuse it
		return api.Conflict("the pipelines that were made by API are too many, or too large: delete one that is not needed")
	}
	return durable.Replace(disk, file, text, 0o600)
}
