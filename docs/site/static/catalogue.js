// Narrows the table of operators by words and facets; the address keeps what was chosen.
document.addEventListener("DOMContentLoaded", () => {
  const finder = document.querySelector(".finder");
  if (!finder) return;
  const rows = [...document.querySelectorAll("table.found tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const words = finder.querySelector("input");
  const facets = [...finder.querySelectorAll("select")];
  const output = finder.querySelector("output");
  const chosen = new URLSearchParams(location.search);
  words.value = chosen.get("words") ?? "";
  for (const facet of facets) facet.value = chosen.get(facet.dataset.facet) ?? "";

  const narrow = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, place) => {
      const fits = wanted.every((word) => texts[place].includes(word))
        && facets.every((facet) => !facet.value || row.dataset[facet.dataset.facet] === facet.value);
      row.hidden = !fits;
      count += fits;
    });
    output.textContent = `${count} of ${rows.length} operators`;
    const address = new URLSearchParams();
    if (words.value) address.set("words", words.value);
    for (const facet of facets) if (facet.value) address.set(facet.dataset.facet, facet.value);
    history.replaceState(null, "", address.size ? `?${address}` : location.pathname);
  };
  finder.hidden = false;
  finder.addEventListener("input", narrow);
  narrow();
});
