package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/export/manifest"
	"github.com/gospool/spool/pipeline/media"
)

// recordName is the name of the file that describes a finished export, in its directory.
const recordName = "export.json"

// record is the content of that file.
type record struct {
	Name     string       `json:"name"`
	Streams  []string     `json:"streams"`
	Start    time.Time    `json:"start"`
	End      time.Time    `json:"end"`
	Format   string       `json:"format"`
	Gaps     bundle.Gaps  `json:"gaps"`
	Created  time.Time    `json:"created"`
	Finished time.Time    `json:"finished"`
	Bytes    int64        `json:"bytes"`
	Files    []recordFile `json:"files"`
}

type recordFile struct {
	Name      string `json:"name"`
	SizeBytes int64  `json:"size_bytes"`
	SHA256    string `json:"sha256"`
}

func encode(e Export) ([]byte, error) {
	r := record{
		e.Request.Name, e.Request.Streams, e.Request.Start, e.Request.End, e.Request.Format, e.Request.Gaps,
		e.Created, e.Finished, e.Bytes, nil,
	}
	for _, f := range e.Files {
		r.Files = append(r.Files, recordFile(f))
	}
	return json.Marshal(r)
}

// decode reads the description of a finished export. Its names are those of files in one directory.
func decode(id media.ID, text []byte) (Export, error) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return Export{}, err
	}
	if len(r.Files) == 0 || len(r.Streams) == 0 {
		return Export{}, errors.New("it lists no files or no streams")
	}
	e := Export{
		ID: id, State: Finished, Bytes: r.Bytes, TotalBytes: r.Bytes, Created: r.Created, Finished: r.Finished,
		Request: bundle.Request{Name: r.Name, Streams: r.Streams, Start: r.Start, End: r.End, Format: r.Format, Gaps: r.Gaps},
	}
	for _, f := range r.Files {
		if err := manifest.CheckFileName(f.Name); err != nil || f.Name == recordName {
			return Export{}, fmt.Errorf("%.80q is not the name of a file of an export", f.Name)
		}
		e.Files = append(e.Files, bundle.Written(f))
	}
	return e, nil
}
