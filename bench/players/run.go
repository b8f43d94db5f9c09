package players

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Options select what Measure measures.
type Options struct {
	Spool    string   // path of the program
	Players  []string // of Names, in any case; empty: all
	Codecs   []string // of Codecs; empty: all
	Dir      string   // where the files are made; empty: the directory for temporary files
	Progress func(done, steps int)
}

// Report has the results of Measure.
type Report struct {
	Players  []string          `json:"players"`
	Versions map[string]string `json:"versions"` // by player
	Results  []Played          `json:"results"`
}

// Measure plays each codec in each form with each player. It removes the files that it makes.
func Measure(ctx context.Context, o Options) (*Report, error) {
	players, rows, err := o.selected()
	if err != nil {
		return nil, err
	}
	r := &Report{Versions: map[string]string{}}
	for i := range players {
		if err := players[i].installed(); err != nil {
			return nil, err
		}
		r.Players = append(r.Players, players[i].Name)
		if r.Versions[players[i].Name], err = players[i].version(ctx); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp(o.Dir, "spool-players-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // VLC reads the files as another user
		return nil, err
	}
	files, err := recordings(ctx, o.Spool, dir, rows)
	if err != nil {
		return nil, err
	}
	o.Progress(1, 1+len(players))
	for i := range players {
		played := make([]*file, len(files))
		for n, f := range files {
			p := *f.Played
			p.Player = players[i].Name
			played[n] = &file{path: f.path, Played: &p}
		}
		if err := players[i].play(ctx, dir, played); err != nil {
			return nil, fmt.Errorf("%s: %w", players[i].Name, err)
		}
		for _, f := range played {
			f.Verdict = f.judge()
			r.Results = append(r.Results, *f.Played)
		}
		o.Progress(2+i, 1+len(players))
	}
	return r, nil
}

// recordings makes the files of the codecs, and measures their sources with ffmpeg.
func recordings(ctx context.Context, spool, dir string, rows []content) (files []file, err error) {
	for _, c := range rows {
		source, err := c.source(ctx, dir)
		if err != nil {
			return nil, err
		}
		work, err := openDir(dir)
		if err != nil {
			return nil, err
		}
		want, err := ffmpeg(ctx, source, work, 0)
		if err != nil {
			return nil, err
		}
		for _, form := range Forms {
			path, err := c.record(ctx, spool, source, dir, form)
			if err != nil {
				return nil, err
			}
			if err := os.Chmod(path, 0o644); err != nil { // VLC reads it as another user
				return nil, err
			}
			files = append(files, file{path: path, Played: &Played{Codec: c.codec, Form: form, Source: want}})
		}
	}
	return files, nil
}

// selected returns the players and the codecs of the options.
func (o *Options) selected() (players []player, rows []content, err error) {
	for _, name := range o.Players {
		if !slices.ContainsFunc(all, func(p player) bool { return strings.EqualFold(p.Name, name) }) {
			return nil, nil, fmt.Errorf("there is no player %q: the players are %s", name, strings.Join(Names(), ", "))
		}
	}
	for _, name := range o.Codecs {
		if !slices.Contains(Codecs(), name) {
			return nil, nil, fmt.Errorf("no content has the codec %q: the codecs are %s", name, strings.Join(Codecs(), ", "))
		}
	}
	for _, p := range all {
		if len(o.Players) == 0 || slices.ContainsFunc(o.Players, func(name string) bool { return strings.EqualFold(p.Name, name) }) {
			players = append(players, p)
		}
	}
	for _, c := range contents {
		if len(o.Codecs) == 0 || slices.Contains(o.Codecs, c.codec) {
			rows = append(rows, c)
		}
	}
	return players, rows, nil
}

var number = regexp.MustCompile(`\d+(\.\d+){1,2}`)

// version returns the version of a player.
func (p *player) version(ctx context.Context) (string, error) {
	flag := "--version"
	if p.program == "ffmpeg" {
		flag = "-version"
	}
	command := unprivileged(p.program, flag)
	out, err := execute(ctx, "", command[0], command[1:]...)
	if v := number.FindString(strings.ReplaceAll(out, p.program, "")); v != "" { // gst-play-1.0 has a number in its name
		return v, nil
	}
	return "", fmt.Errorf("%s %s prints no version: %w", p.program, flag, cmp.Or(err, errors.New("it succeeds")))
}
