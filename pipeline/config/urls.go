package config

import (
	"strconv"
	"strings"
)

// URLs is a list of URLs, each of which may hold a password, a token or a signature. A list of one URL is written as the
// URL alone. Shown returns the scheme and the host of each URL, with a placeholder for the rest.
type URLs struct{ HiddenList[urlsForm] }

// NewURLs returns a URLs of the texts.
func NewURLs(texts ...string) URLs { return URLs{hideList[urlsForm](texts)} }

func (l URLs) tree(s sight) *Node {
	n := l.HiddenList.tree(s)
	switch len(n.List) {
	case 0:
		return &Node{Scalar: ""}
	case 1:
		return n.List[0]
	}
	return n
}

func (l *URLs) take(n *Node) Problems {
	if n.IsList {
		ps := l.HiddenList.take(n)
		for i, text := range l.Reveal() {
			if variable.MatchString(text) {
				ps = append(ps, At(strconv.Itoa(i), MsgVariable))
			}
		}
		return ps
	}
	text, ok := n.Scalar.(string)
	if !ok {
		return Problems{{Msg: "a URL is wanted here, or a list of URLs"}}
	}
	if text == "" {
		*l = URLs{}
		return nil
	}
	ps := l.HiddenList.take(&Node{IsList: true, List: []*Node{n}})
	for i := range ps {
		ps[i].Path = "" // the text itself, no item of a list
	}
	return ps
}

// listed reports whether a text, which a flag or an environment variable provides, is a list rather than a URL.
func listed(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "[") }

type urlsForm struct{}

func (urlsForm) shown(urls []string) []string { return apply(urlForm{}.shown, urls) }

func (urlsForm) own(urls []string) []string { return apply(urlForm{}.own, urls) }

func apply(to func(string) string, texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = to(text)
	}
	return out
}
