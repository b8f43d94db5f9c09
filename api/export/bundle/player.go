package bundle

import (
	"bytes"
	_ "embed" // the page
	"encoding/json"
	"time"

	"github.com/gospool/spool/api/export/manifest"
)

// PlayerName is the name of the player in an archive.
const PlayerName = "player.html"

//go:embed player.html
var playerPage []byte

// playerData is the text in the page that Player replaces.
var playerData = []byte(`{"files":[]}`)

// Player returns a page that plays the footage of a manifest side by side, at the same wall clock. The page needs
// nothing but the files beside it.
func Player(m *manifest.Manifest) ([]byte, error) {
	type gap struct {
		Start float64 `json:"start"` // seconds since 1970
		End   float64 `json:"end"`
		Kept  bool    `json:"kept"`
	}
	type file struct {
		Name   string  `json:"name"`
		Stream string  `json:"stream"`
		Start  float64 `json:"start"`
		End    float64 `json:"end"`
		Gaps   []gap   `json:"gaps"`
	}
	data := struct {
		Name  string `json:"name"`
		Files []file `json:"files"`
	}{Name: m.Name}
	seconds := func(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
	for i := range m.Files {
		f := &m.Files[i]
		if f.Start == nil || f.End == nil {
			continue
		}
		shown := file{f.Name, f.Stream, seconds(*f.Start), seconds(*f.End), []gap{}}
		for _, g := range f.Gaps {
			if g.Track == 0 { // else there are pictures or sound
				shown.Gaps = append(shown.Gaps, gap{seconds(g.Start), seconds(g.End), g.Kept})
			}
		}
		data.Files = append(data.Files, shown)
	}
	text, err := json.Marshal(data) // writes <, > and & as \u003c and so on, so that no text ends the script
	return bytes.Replace(playerPage, playerData, text, 1), err
}
