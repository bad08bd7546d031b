package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/recipe"
)

// recipeQuery is a request for what to type into devices.
type recipeQuery struct {
	Host     string `path:"host" example:"home.dyn.example.org"`
	Server   string `query:"server" required:"true" doc:"URL by which devices reach this service: scheme, host and port." example:"https://update.example.org"`
	Username string `query:"username" doc:"User name of an update key; without it that of one which covers the host, if there is one."`
	Device   string `query:"device" doc:"One kind of device, such as routeros7; all without it."`
}

func (s *server) addRecipes(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/hosts/{host}/recipes", "show-recipes", "Show what to type into devices that keep a host up to date"), s.recipes)
}

func (s *server) recipes(ctx context.Context, in *recipeQuery) (RecipeBook, error) {
	name, err := admin.ParseName(in.Host)
	if err != nil {
		return RecipeBook{}, err
	}
	h, err := s.as(ctx).Host(name)
	if err != nil {
		return RecipeBook{}, err
	}
	base, err := recipe.ParseServer(in.Server)
	if err != nil {
		return RecipeBook{}, newProblem(http.StatusUnprocessableEntity, "server: "+err.Error(), "")
	}
	out := RecipeBook{Account: h.Account, Username: in.Username, Recipes: []Recipe{}}
	if out.Username == "" {
		if out.Username, err = s.coveringKey(ctx, h); err != nil {
			return RecipeBook{}, err
		}
	}
	for _, r := range recipe.Book(base, h.Name.String(), out.Username) {
		if in.Device == "" || in.Device == r.Device {
			out.Recipes = append(out.Recipes, Recipe(r))
		}
	}
	if len(out.Recipes) == 0 {
		return RecipeBook{}, newProblem(http.StatusUnprocessableEntity, fmt.Sprintf("no recipe for %q", in.Device), "")
	}
	return out, nil
}

// coveringKey returns the user name of an update key that covers the host, empty
// where there is none.
func (s *server) coveringKey(ctx context.Context, h admin.Host) (string, error) {
	for start := ""; ; {
		keys, next, err := s.as(ctx).Keys(h.Account, start, 0)
		if err != nil {
			return "", err
		}
		i := slices.IndexFunc(keys, func(k admin.Key) bool { return k.Covers(h.Name) })
		switch {
		case i >= 0:
			return keys[i].Username, nil
		case next == "":
			return "", nil
		}
		start = next
	}
}
