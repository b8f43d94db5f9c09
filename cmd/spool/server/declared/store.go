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

// keptFile returns the path of the file that stores the pipelines made by API. The file is in the
// record directory; its content has the form of the setting pipelines.
func keptFile(recordPath string) string { return filepath.Join(recordPath, ".spool-pipelines.yaml") }

// readKept returns the declarations in the file of the pipelines made by API, by name. Without the file
// it returns an empty map. The error is filesystem.ErrNotOurs if another user may have written the file.
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
		return nil, errors.New("the file holds no map of pipelines")
	}
	for _, e := range n.Entries {
		own[e.Key] = e.Value.At("") // problems then have the same paths as for a declaration in a request
	}
	return own, nil
}

// keptHead is the first line of the file of the pipelines made by API.
const keptHead = "# Pipelines that were made by API. Change them there: PUT /mp4/pipelines/NAME.\n"

// keptText returns the text of the file that stores the pipelines own. It returns an api Conflict if the
// text is so large that the next start would refuse the file: see config.MaxBytes and config.MaxNodes.
func keptText(own map[string]*made) ([]byte, error) {
	text, all := []byte(keptHead), 1
	for _, name := range slices.Sorted(maps.Keys(own)) {
		text = append(text, own[name].text...)
		all += own[name].values
	}
	if len(text) > config.MaxBytes || all > config.MaxNodes {
		return nil, api.Conflict("the pipelines that were made by API are too many or too large: delete one that is not needed")
	}
	return text, nil
}

// readable returns an error if the next start of spool could not parse a file with this text.
func readable(text []byte) error {
	_, err := config.Parse("", text)
	return err
}

// values returns the number of values that config.MaxNodes limits: n itself, and the keys and values
// below it.
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
