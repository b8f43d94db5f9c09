package manifest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The names of the manifest and of its signature in an archive. Beside a single file NAME.mp4 they are
// NAME.manifest.json and NAME.manifest.json.sig.
const (
	FileName        = "manifest.json"
	SignatureSuffix = ".sig"
)

// Bounds of a manifest. Parse refuses a larger one.
const (
	MaxBytes     = 16 << 20 // of the text
	MaxFiles     = 1000
	MaxNameBytes = 255
)

// format and version are the values of the fields of the same names. A change of the other fields gets a new
// version.
const (
	format  = "spool-export"
	version = 1
)

// Manifest describes an export.
type Manifest struct {
	Format   string    `json:"format"`  // "spool-export"
	Version  int       `json:"version"` // 1
	Name     string    `json:"name"`    // name of the export
	Recorder Recorder  `json:"recorder"`
	Created  time.Time `json:"created"` // UTC
	Start    time.Time `json:"start"`   // the span that was asked for, UTC
	End      time.Time `json:"end"`
	Gaps     string    `json:"gaps"` // keep: a file's timeline goes on in all gaps; cut: it leaves out those between recordings
	Key      KeyInfo   `json:"key"`
	Files    []File    `json:"files"`
}

// Recorder names the recorder that has made an export, and its program.
type Recorder struct {
	Name    string `json:"name"`
	Program string `json:"program"`
	Version string `json:"version"`
}

// KeyInfo names the key of the signature.
type KeyInfo struct {
	ID     string `json:"id"`     // see PublicKey.ID
	Public []byte `json:"public"` // the 32 bytes of the public key
}

// File describes one file of an export. A file without a stream is no footage, such as the player.
type File struct {
	Name       string     `json:"name"`
	SizeBytes  int64      `json:"size_bytes"`
	SHA256     string     `json:"sha256"` // 64 hexadecimal digits
	Format     string     `json:"format"`
	Stream     string     `json:"stream,omitempty"`
	Start      *time.Time `json:"start,omitempty"` // of its footage: time of the first picture, UTC
	End        *time.Time `json:"end,omitempty"`   // end of the last picture
	Gaps       []Gap      `json:"gaps,omitempty"`
	Recordings []string   `json:"recordings,omitempty"` // IDs of the recordings that the footage is from
	LeftOut    string     `json:"left_out,omitempty"`   // tracks of the recordings that the format cannot hold
}

// Gap is a span without footage.
type Gap struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Cause string    `json:"cause,omitempty"`
	Track int       `json:"track,omitempty"` // the only track that has the gap, from 1; 0: all have it
	Kept  bool      `json:"kept,omitempty"`  // the file's timeline goes on in it
}

// Encode sets m.Format and m.Version, and returns the text of the manifest: the one that a signature is of. The
// error is that of Check.
func (m *Manifest) Encode() ([]byte, error) {
	m.Format, m.Version = format, version
	if err := m.Check(); err != nil {
		return nil, err
	}
	return m.text()
}

// text returns the JSON of the manifest, which ends with a newline.
func (m *Manifest) text() ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	err := out.Encode(m)
	if err == nil && b.Len() > MaxBytes {
		err = fmt.Errorf("the manifest has %d bytes, at most %d are possible", b.Len(), MaxBytes)
	}
	return b.Bytes(), err
}

// Parse reads a manifest. It refuses a text that Encode would write differently, so that each manifest has one
// text only, and no field is read that a reader does not see.
func Parse(text []byte) (*Manifest, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("the manifest has %d bytes, at most %d are read", len(text), MaxBytes)
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("it is not the manifest of an export: %w", err)
	}
	if head.Format != format {
		return nil, fmt.Errorf("it is not the manifest of an export: its format is %.40q, not %q", head.Format, format)
	}
	if head.Version != version {
		return nil, fmt.Errorf("the manifest is of version %d, and this program reads version %d: use a newer spool", head.Version, version)
	}
	m := &Manifest{}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(m); err != nil {
		return nil, fmt.Errorf("the manifest cannot be read: %w", err)
	}
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("the manifest is wrong: %w", err)
	}
	same, err := m.text()
	if err == nil && !bytes.Equal(same, text) {
		err = errors.New("the manifest is not in the form in which spool writes it: it was changed")
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Check returns an error for values that no export has, such as a name of a file that leads out of its directory.
func (m *Manifest) Check() error {
	if m.Gaps != "keep" && m.Gaps != "cut" {
		return fmt.Errorf("gaps is %.40q, neither keep nor cut", m.Gaps)
	}
	if len(m.Files) == 0 || len(m.Files) > MaxFiles {
		return fmt.Errorf("it lists %d files: 1 to %d are possible", len(m.Files), MaxFiles)
	}
	if k := PublicKey(m.Key.Public); len(k) != publicBytes || k.ID() != m.Key.ID {
		return errors.New("the ID of the key is not that of the public key")
	}
	for _, t := range []time.Time{m.Created, m.Start, m.End} {
		if err := checkTime(t); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for i := range m.Files {
		f := &m.Files[i]
		if err := f.check(); err != nil {
			return fmt.Errorf("file %d: %w", i+1, err)
		}
		if key := strings.ToLower(f.Name); seen[key] {
			return fmt.Errorf("file %d: the name %q is there twice", i+1, f.Name)
		} else {
			seen[key] = true
		}
	}
	return nil
}

func (f *File) check() error {
	if err := CheckFileName(f.Name); err != nil {
		return err
	}
	if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != 32 || strings.ToLower(f.SHA256) != f.SHA256 {
		return fmt.Errorf("%.80q is not a SHA-256 of 64 hexadecimal digits", f.SHA256)
	}
	if f.SizeBytes < 0 {
		return fmt.Errorf("its size is %d bytes", f.SizeBytes)
	}
	for _, t := range []*time.Time{f.Start, f.End} {
		if t != nil {
			if err := checkTime(*t); err != nil {
				return err
			}
		}
	}
	for _, g := range f.Gaps {
		if err := errors.Join(checkTime(g.Start), checkTime(g.End)); err != nil {
			return err
		}
	}
	return nil
}

// checkTime refuses a time that has another text in UTC.
func checkTime(t time.Time) error {
	if name, _ := t.Zone(); name != "UTC" || t.Year() < 1 || t.Year() > 9999 {
		return fmt.Errorf("the time %s is not in UTC", t)
	}
	return nil
}

// CheckFileName refuses a name that is not that of a file in one directory on every system, and the names of
// the manifest itself.
func CheckFileName(name string) error {
	bad := func(r rune) bool {
		return unicode.IsControl(r) || !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r)
	}
	switch {
	case name == "" || len(name) > MaxNameBytes || !utf8.ValidString(name):
		return fmt.Errorf("%.80q is not the name of a file: 1 to %d bytes of text are possible", name, MaxNameBytes)
	case strings.ContainsFunc(name, bad):
		return fmt.Errorf("the name %.80q has a character that not every system can store", name)
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") || strings.TrimRight(name, " .") != name || name[0] == ' ':
		return fmt.Errorf("the name %.80q begins with a dot, a dash or a space, or ends with a dot or a space", name)
	case strings.EqualFold(name, FileName) || strings.EqualFold(name, FileName+SignatureSuffix):
		return fmt.Errorf("%s is the name of the manifest itself", name)
	}
	return nil
}
