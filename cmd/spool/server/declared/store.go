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
		own[e.Key] = e.Value.At("") // as in a request
	}
	return own, nil
}

const keptHead = "# Pipelines that were made by API. Change them there: PUT /mp4/pipelines/NAME.\n"

// keptText is the file as a whole. A file that the next start would not read as a whole is
// an error.
func keptText(own map[string]*made) ([]byte, error) {
	text, all := []byte(keptHead), 1
	for _, name := range slices.Sorted(maps.Keys(own)) {
		text = append(text, own[name].text...)
		all += own[name].values
	}
	if len(text) > config.MaxBytes || all > config.MaxNodes {
		return nil, api.Conflict("the pipelines that were made by API are too many, or too large: delete one that is not needed")
	}
	return text, nil
}

// readable says why the next start would refuse a file with the text in it.
func readable(text []byte) error {
	_, err := config.Parse("", text)
	return err
}

// values counts a value with what is in it, keys among them, for config.MaxNodes.
func values(n *config.Node) int {
	all := 1
	for _, e := range n.Entries {
		all += 1 + values(e.Value)
	}
	for _, item := range n.List {
		all += values(item)
	}
	return all
}
