package live

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gospool/spool/bench/child"
	"github.com/gospool/spool/bench/publishload"
)

// Server describes a server to compare. In Argv and Config, words in braces are replaced: {addr} by the address at
// which the server must accept publishers, {port} by its port, {addr:N} by the address at which it must receive the
// stream N of MPEG-TS, {http} by another free address, {dir} by an empty directory, which is removed after the run, and
// {config:FILE} by the path of a copy of FILE, in which the other words are replaced, too.
type Server struct {
	Name   string
	Argv   []string // program and arguments; only this process is measured, so a shell script must exec the server
	Config string   // written to {dir}/config.yaml before the start; empty: no file
	Rest   bool     // measure the memory at rest, too
	// Took returns how much of what was sent the server has received or recorded. It is called after the server's end.
	// If Took is nil, nothing is compared.
	Took func(Ended) (Taken, error)
}

// Ended describes a server that has ended.
type Ended struct {
	Dir     string             // its directory {dir}
	Printed string             // the last 4 KiB of its output
	Sent    []publishload.Sent // what each publisher has sent, in order of their numbers
}

// Taken reports how much of what was sent a server has taken.
type Taken struct {
	Whole int    `json:"whole"`           // streams of which every required access unit was taken
	Lost  int64  `json:"lost"`            // required access units that are missing, of all streams
	First string `json:"first,omitempty"` // describes the first loss
}

// Command returns the server of a command line: COMMAND or NAME=COMMAND, in which blanks separate the arguments. The
// name of a COMMAND is its program's. The command must have one of the words in braces that tell the server where to
// listen. If it has {dir}, itself or in a file {config:FILE}, the recordings below that directory must be whole: see
// Recordings, which makes recorded.
func Command(text string, recorded func(Ended) (Taken, error)) (Server, error) {
	argv := strings.Fields(text)
	if len(argv) == 0 {
		return Server{}, errors.New("the command is empty")
	}
	s := Server{Name: filepath.Base(argv[0]), Argv: argv, Rest: true}
	if name, program, ok := strings.Cut(argv[0], "="); ok {
		if name == "" || program == "" {
			return Server{}, fmt.Errorf("%q is neither COMMAND nor NAME=COMMAND", text)
		}
		s.Name, s.Argv = name, append([]string{program}, argv[1:]...)
	}
	words := slices.Clone(s.Argv)
	for _, arg := range s.Argv {
		for _, file := range configWord.FindAllStringSubmatch(arg, -1) {
			b, err := os.ReadFile(file[1])
			if err != nil {
				return Server{}, fmt.Errorf("%s: %w", s.Name, err)
			}
			words = append(words, string(b))
		}
	}
	all := strings.Join(words, " ")
	if !strings.Contains(all, "{addr") && !strings.Contains(all, "{port}") && !strings.Contains(all, "{dir}/config.yaml") {
		return Server{}, fmt.Errorf("%q names neither {addr} nor {port}: the server would not listen where the load publishes", text)
	}
	if strings.Contains(all, "{dir}") {
		s.Took = recorded
	}
	return s, nil
}

var configWord = regexp.MustCompile(`\{config:([^{}]+)\}`)

// places holds the addresses and the directory of one run of a server.
type places struct{ addr, http, dir string }

var addressWord = regexp.MustCompile(`\{addr:(\d+)\}`)

// replace replaces the words in braces, except {config:FILE}.
func (p places) replace(text string) string {
	_, port, _ := net.SplitHostPort(p.addr)
	text = strings.NewReplacer("{addr}", p.addr, "{port}", port, "{http}", p.http, "{dir}", p.dir).Replace(text)
	return addressWord.ReplaceAllStringFunc(text, func(word string) string {
		n, _ := strconv.Atoi(addressWord.FindStringSubmatch(word)[1])
		return p.addressOf(n)
	})
}

// addressOf returns the address of the stream n of MPEG-TS, from 1: those of all streams have ports that follow each other.
func (p places) addressOf(n int) string {
	host, port, _ := net.SplitHostPort(p.addr)
	first, _ := strconv.Atoi(port)
	return net.JoinHostPort(host, strconv.Itoa(first+n-1))
}

// fill replaces the words in braces in arguments. It writes the copy of a {config:FILE} below the directory.
func (p places) fill(args []string) ([]string, error) {
	out := make([]string, len(args))
	for i, arg := range args {
		var err error
		arg = configWord.ReplaceAllStringFunc(arg, func(word string) string {
			file := configWord.FindStringSubmatch(word)[1]
			b, e := os.ReadFile(file)
			path := filepath.Join(p.dir, "config-"+filepath.Base(file))
			if e == nil {
				e = os.WriteFile(path, []byte(p.replace(string(b))), 0o600)
			}
			err = errors.Join(err, e)
			return path
		})
		if err != nil {
			return nil, err
		}
		out[i] = p.replace(arg)
	}
	return out, nil
}

// prepare makes the directory and finds the addresses of a run, and writes Server.Config. The caller must call cleanup,
// which removes the directory.
func prepare(s *Settings, server *Server) (p places, cleanup func(), err error) {
	dir, err := os.MkdirTemp(s.TempDir, "livebench-")
	if err != nil {
		return p, nil, err
	}
	p.dir = dir
	cleanup = func() { _ = os.RemoveAll(dir) }
	p.http, err = child.FreeAddress()
	if err == nil {
		p.addr, err = s.freeAddress()
	}
	if err != nil {
		cleanup()
		return p, nil, err
	}
	if server.Config != "" {
		if err := os.WriteFile(dir+"/config.yaml", []byte(p.replace(server.Config)), 0o600); err != nil {
			cleanup()
			return p, nil, err
		}
	}
	return p, cleanup, nil
}
