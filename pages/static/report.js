// The browser prints the page, or keeps it as PDF.

document.getElementById("print").addEventListener("click", () => print());
