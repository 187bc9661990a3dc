for (const button of document.querySelectorAll(".count")) {
  button.addEventListener("click", () => {
    button.classList.toggle("off");
    for (const file of document.querySelectorAll(".file"))
      if (file.dataset.verdict === button.dataset.verdict) file.hidden = button.classList.contains("off");
  });
}
